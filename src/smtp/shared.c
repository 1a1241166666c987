#include "smtp/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/file.h"

int shared_create(const char *name, size_t size, const char *what, struct err *e)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint64_t seeds[SHARED_SEEDS];

	random_bytes(seeds, sizeof seeds);
	if (fd < 0 || ftruncate(fd, (off_t)size) != 0 || pwrite(fd, seeds, sizeof seeds, 0) != sizeof seeds ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
		(void)err_sys(e, errno, "can't make the %s", what);
		file_close(&fd);
	}
	return fd;
}

void *shared_map(int fd, size_t size, const char *what, struct err *e)
{
	struct stat st;
	void *p;

	/* Memory that could shrink would be a way to kill whoever reads it. */
	if (fstat(fd, &st) != 0 || st.st_size != (off_t)size || (fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK) == 0) {
		(void)err_set(e, ERR_PROTOCOL, 0, "that is no %s", what);
		return NULL;
	}
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		return p;
	(void)err_sys(e, errno, "can't map the %s", what);
	return NULL;
}

uint64_t shared_mix(uint64_t h, uint64_t v)
{
	h ^= v;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	h ^= h >> 29;
	h *= UINT64_C(0xbf58476d1ce4e5b9);
	return h ^ h >> 32;
}
