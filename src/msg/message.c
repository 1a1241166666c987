#include "msg/message.h"

void message_init(struct message *m, struct slice head, uint64_t size, int fd)
{
	*m = (struct message){ .head = head, .size = size, .fd = fd };
	header_parse(&m->header, head);
}

void message_free(struct message *m)
{
	header_free(&m->header);
	*m = (struct message){ .fd = -1 };
}
