"""The virtual staff PC that the system tests run on."""
