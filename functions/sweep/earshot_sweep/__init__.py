"""sweep: queues uploads without a result again, and watches the sources."""
