#include "store/floors.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

static struct floor *find(const struct floors *f, const char *mailbox)
{
	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->all[i].mailbox, mailbox) == 0)
			return (struct floor *)(uintptr_t)&f->all[i];
	}
	return NULL;
}

static void drop(struct floors *f, struct floor *one)
{
	free(one->mailbox);
	*one = f->all[--f->n];
}

void floors_free(struct floors *f)
{
	while (f->n > 0)
		drop(f, &f->all[0]);
}

static struct floor *oldest(struct floors *f)
{
	struct floor *one = &f->all[0];

	for (size_t i = 1; i < f->n; i++) {
		if (f->all[i].told < one->told)
			one = &f->all[i];
	}
	return one;
}

void floors_learn(struct floors *f, const char *mailbox, uint32_t uidvalidity, uint32_t uidnext)
{
	struct floor *one = find(f, mailbox);

	if (uidvalidity == 0 || uidnext == 0)
		return;
	if (one == NULL) {
		if (f->n == FLOORS_MAX)
			drop(f, oldest(f));
		one = &f->all[f->n++];
		*one = (struct floor){ .mailbox = mem_strdup(mailbox) };
	}
	one->status = (struct mailbox_status){ uidvalidity, uidnext };
	one->told = clock_mono_ms();
}

bool floors_know(const struct floors *f, const char *mailbox, struct mailbox_status *st)
{
	const struct floor *one = find(f, mailbox);

	if (one == NULL || clock_mono_ms() - one->told > FLOORS_TRUSTED_MS)
		return false;
	*st = one->status;
	return true;
}

void floors_forget(struct floors *f, const char *mailbox)
{
	struct floor *one = find(f, mailbox);

	if (one != NULL)
		drop(f, one);
}
