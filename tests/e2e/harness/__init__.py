"""What the end-to-end checks share: processes, ports, clients and the programs they drive."""
