"""What test modules need besides the machine."""


class Skip(Exception):
    """Raised by a test (or setup_module) that cannot run here: the reason."""


def timeout(seconds):
    """Decorator: this test may take longer (or must take less) than its
    module's limit."""
    def mark(function):
        function.timeout = seconds
        return function
    return mark
