# nothing
/* at
all */