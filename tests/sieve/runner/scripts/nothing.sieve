# leaves everything as it is
