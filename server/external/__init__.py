"""What stands outside the databases: one port a module, and its adapters, which ignore each other."""
