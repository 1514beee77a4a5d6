"""Many drivers and many shards under failures, on a simulated clock: the protocol of leases, fences and requests to repeat.

What is simulated is what lies between the parts: time, the way to Redis, MongoDB and Kafka, and who dies or sleeps when. What
plays is the project's own code: the stages on the twins in memory.
"""
