/* What the server in store_peer.h keeps, and what its user does with it. */
#include "store_peer_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

struct folder *peer_folder(const char *name)
{
	for (size_t i = 0; i < peer.nfolders; i++) {
		const char *have = peer.folders[i].name;

		if (strcmp(have, name) == 0 || (strcasecmp(have, "INBOX") == 0 && strcasecmp(name, "INBOX") == 0))
			return &peer.folders[i];
	}
	return NULL;
}

struct folder *peer_folder_make(const char *name)
{
	static uint32_t validity;
	struct folder *f;

	if (peer.nfolders == FOLDERS_MAX)
		return NULL;
	if (peer.nfolders == 0)
		validity = 1000;
	f = &peer.folders[peer.nfolders++];
	*f = (struct folder){ .validity = ++validity, .next = 5 };
	(void)snprintf(f->name, sizeof f->name, "%s", name);
	return f;
}

uint32_t peer_put(struct folder *f, const char *id)
{
	f->all = mem_resize(f->all, f->n + 1, sizeof *f->all);
	f->all[f->n].uid = f->next;
	memcpy(f->all[f->n++].id, id, PEER_ID + 1);
	return f->next++;
}

uint32_t peer_keep(struct folder *f, const char *id)
{
	if (peer.nkept == KEPT_MAX)
		abort(); /* nobody is given that much mail */
	memcpy(peer.kept[peer.nkept++], id, PEER_ID + 1);
	return peer_put(f, id);
}

void peer_user_acts(void)
{
	struct folder *from = &peer.folders[peer_draw() % peer.nfolders],
		      *to = &peer.folders[peer_draw() % peer.nfolders];

	switch (peer_draw() % 5) {
	case 0: /* moves all */
		if (from == to)
			return;
		for (size_t i = 0; i < from->n; i++)
			(void)peer_put(to, from->all[i].id);
		from->n = 0;
		break;
	case 1: /* removes the newest */
		from->n -= from->n > 0;
		break;
	case 2: /* removes the oldest */
		if (from->n > 0)
			memmove(from->all, from->all + 1, --from->n * sizeof *from->all);
		break;
	case 3: /* renames */
		if (from != &peer.folders[0])
			(void)snprintf(from->name, sizeof from->name, "Old %zu", (size_t)peer_draw());
		break;
	default: /* deletes and makes anew */
		from->validity += 500;
		from->next = 1 + peer_draw() % 12;
		from->n = 0;
		break;
	}
}
