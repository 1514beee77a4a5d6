"""A real Apache Accumulo on this machine, on loopback, from the jars of `deploy/jvm/accumulo/pom.xml`.

1. `processes.prepare` finds Java, has the jars fetched and the class-data archives made: each once, in the user's cache.
2. `layout.Layout` is one instance's directory: secrets made once, settings written at each start, tables kept.
3. As a program (`python -m pipeline.embedded.real_accumulo PART`) it waits for what its part needs, initialises the instance
   once, and becomes the part by exec: its supervisor has Accumulo's own process before it.
4. `processes.real_accumulo` is the same for tests and benchmarks, with verbs to kill, freeze and start each part.

The parts: ZooKeeper, the manager, the garbage collector of files (without it logs and old files stay for ever), and tablet
servers. A write that was flushed with durability `sync` is on the disk.
"""
