/* Several lanes at once: goes on with whichever can, and waits when none can. */
#ifndef MAILFERRY_STORE_APPEND_H
#define MAILFERRY_STORE_APPEND_H

#include "store/lane.h"

enum { APPEND_LANES_MAX = 10 };

struct append {
	struct lane *lanes; /* those with a session, started for this run, take part */
	size_t nlanes;
	/* The lane's connection is over, for reason E: judges what it left, and aborts it. */
	void (*broke)(void *arg, struct lane *l, const struct err *e);
	/* Called between any two steps, while answers may be under way: time for other work. */
	void (*between)(void *arg);
	void *arg;
};

/* Until no lane gets a command any more and all that were sent are answered, or their lanes broke. */
void append_run(struct append *a);

#endif
