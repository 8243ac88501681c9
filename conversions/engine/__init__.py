"""Where native code runs: a fork server that stays clean, and one forked child per attempt. No Django here."""
