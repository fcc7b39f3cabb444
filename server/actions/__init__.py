"""What the server does, verb by verb: each decides with `sync` and writes through the store in one transaction."""
