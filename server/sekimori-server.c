/* sekimori-server: the ledger, the authority and the console of the terminals. Everything is in server/admin.c and below. */
#include "server/admin.h"

int main(int argc, char **argv)
{
	return sk_admin_main(argc - 1, argv + 1);
}
