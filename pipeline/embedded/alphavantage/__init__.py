"""A simulator of the Alpha Vantage API: the same URLs, bodies and errors over HTTP, from recorded and synthetic bars.

It stands outside of Tickerline as the API does, and is asked over HTTP alone. Its data is in `pipeline/embedded/data`.
No key is checked, as the API checks none. Requests are counted by key; a plan's limits are enforced when it is given one.
"""
