"""Alpha Vantage, by way of the `alpha_vantage` package. Needs ALPHAVANTAGE_API_KEY, or the simulator.

`calls` builds the queries, `transport` sends them, `replies` tells the answers apart, `series` and `answers` read them.
"""
