"""How fast the tick engine is, what it costs, and how evenly it goes: the whole system on this machine, measured from outside."""
