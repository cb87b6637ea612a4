"""sweep: queues uploads without a result again, once an hour."""
