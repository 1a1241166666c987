#include "fetch/source.h"

#include <stdlib.h>

void source_folders_free(struct source_folder *folders, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(folders[i].name);
	free(folders);
}
