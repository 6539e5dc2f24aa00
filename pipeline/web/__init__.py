"""Pages over HTTP: the server of a process, its templates and its status page."""
