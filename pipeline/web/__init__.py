"""Pages over HTTP: the server of a process, its templates, the page at a glance."""
