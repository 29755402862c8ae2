"""The level-based controller: observe, plan, execute, write the status. Decisions are taken in `planning`."""
