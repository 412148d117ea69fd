"""One module a command, loaded when it is called; each has a click command named `command`."""
