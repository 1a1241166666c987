keep; /* discard; * /
