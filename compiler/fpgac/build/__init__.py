"""From files to artifacts: plans, their runner, the output folder and its lock."""
