"""HTTP: the gate that answers every request, the pages, the API, the sockets."""
