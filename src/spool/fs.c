#include "spool/fs.h"

#include <stddef.h>

const char *fs_network_name(unsigned long type)
{
	/* Magic numbers as statfs(2) lists them. FUSE is not here: much of it is local. */
	static const struct {
		unsigned long type;
		const char *name;
	} rows[] = {
		{ 0x6969, "NFS" },
		{ 0x517b, "SMB" },
		{ 0xff534d42, "CIFS" },
		{ 0xfe534d42, "SMB2" },
		{ 0x5346414f, "AFS" },
		{ 0x6b414653, "AFS" },
		{ 0x73757245, "Coda" },
		{ 0x00c36400, "Ceph" },
		{ 0x01021997, "9P" },
		{ 0x0bd00bd0, "Lustre" },
		{ 0x564c, "NCP" },
		{ 0x786f4256, "VirtualBox shared folder" },
		{ 0xbacbacbc, "VMware shared folder" },
		{ 0x47504653, "GPFS" },
		{ 0x19830326, "BeeGFS" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].type == type)
			return rows[i].name;
	return NULL;
}
