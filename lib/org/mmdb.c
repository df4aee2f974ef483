#include "input.h"
#include "org/mmdb_verify.h"
#include "org/sources.h"

#include <maxminddb.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct org_mmdb {
	MMDB_s db;
};

// A private copy in memory under a path: the library only maps the file, and an operator may overwrite it in place.
static int
private_copy(const struct input *in)
{
	int fd = memfd_create("ratwatch-mmdb", MFD_CLOEXEC);
	size_t done = 0;

	while (fd != -1 && done < in->len) {
		ssize_t n = write(fd, in->bytes + done, in->len - done);

		if (n <= 0) {
			close(fd);
			return -1;
		}
		done += (size_t)n;
	}
	return fd;
}

static int
open_copy(const struct input *in, MMDB_s *ret)
{
	char path[64];
	int fd = private_copy(in), status;

	if (fd == -1)
		return MMDB_OUT_OF_MEMORY_ERROR;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	status = MMDB_open(path, MMDB_MODE_MMAP, ret);
	close(fd); // the mapping stays
	return status;
}

static int
open_verified(const char *path, const struct input *in, struct problem_list *problems, MMDB_s *ret)
{
	int status = open_copy(in, ret);
	const char *wrong;

	if (status != MMDB_SUCCESS) {
		problem_add(problems, PROBLEM_ERROR, path, 0, NULL,
			    "is no MaxMind-format database, or not a whole one (%s), and no CSV with the columns "
			    "address,country,network; give an .mmdb file, or download it again",
			    MMDB_strerror(status));
		return -EINVAL;
	}
	if ((wrong = mmdb_verify(ret)) != NULL) {
		problem_add(problems, PROBLEM_ERROR, path, 0, NULL, "is damaged: %s; download it again", wrong);
		MMDB_close(ret);
		return -EINVAL;
	}
	return 0;
}

int
org_mmdb_open(const char *path, struct problem_list *problems, struct org_mmdb **ret)
{
	struct org_mmdb *m = calloc(1, sizeof(*m));
	struct input in;
	int err;

	if (m == NULL)
		return -ENOMEM;
	if ((err = input_read(path, problems, &in)) < 0) {
		free(m);
		return err;
	}
	err = open_verified(path, &in, problems, &m->db);
	input_free(&in);
	if (err < 0) {
		free(m);
		return err;
	}
	*ret = m;
	return 0;
}

void
org_mmdb_close(struct org_mmdb *m)
{
	if (m == NULL)
		return;
	MMDB_close(&m->db);
	free(m);
}

static bool
get(MMDB_entry_s *entry, const char *const *path, uint32_t type, MMDB_entry_data_s *ret)
{
	return MMDB_aget_value(entry, ret, path) == MMDB_SUCCESS && ret->has_data && ret->type == type;
}

static void
take_text(MMDB_entry_s *entry, const char *const *path, char *to, size_t size)
{
	MMDB_entry_data_s data;

	if (to[0] == '\0' && get(entry, path, MMDB_DATA_TYPE_UTF8_STRING, &data))
		snprintf(to, size, "%.*s", (int)data.data_size, data.utf8_string);
}

static void
take_number(MMDB_entry_s *entry, const char *const *path, uint32_t *to)
{
	MMDB_entry_data_s data;

	if (*to != 0)
		return;
	if (get(entry, path, MMDB_DATA_TYPE_UINT32, &data))
		*to = data.uint32;
	else if (get(entry, path, MMDB_DATA_TYPE_UINT16, &data))
		*to = data.uint16;
}

#define PATH(...) ((const char *const[]){__VA_ARGS__, NULL})

// The name of another AS than the one that an earlier database gave is no name for it.
static void
take_as(MMDB_entry_s *e, struct org_record *r)
{
	uint32_t asn = 0;

	take_number(e, PATH("autonomous_system_number"), &asn);
	take_number(e, PATH("traits", "autonomous_system_number"), &asn);
	if (r->asn == 0)
		r->asn = asn;
	if (asn != 0 && asn != r->asn)
		return;
	take_text(e, PATH("autonomous_system_organization"), r->as_name, sizeof(r->as_name));
	take_text(e, PATH("traits", "autonomous_system_organization"), r->as_name, sizeof(r->as_name));
}

static bool
is_true(MMDB_entry_s *entry, const char *const *path)
{
	MMDB_entry_data_s data;

	return get(entry, path, MMDB_DATA_TYPE_BOOLEAN, &data) && data.boolean;
}

// Anonymous-IP has a flag, Enterprise a type of users.
static void
take_hosting(MMDB_entry_s *e, struct org_record *r)
{
	char type[16] = "";

	if (r->hosting != NULL)
		return;
	take_text(e, PATH("user_type"), type, sizeof(type));
	take_text(e, PATH("traits", "user_type"), type, sizeof(type));
	if (is_true(e, PATH("is_hosting_provider")) || is_true(e, PATH("traits", "is_hosting_provider")))
		r->hosting = "is_hosting_provider";
	else if (strcmp(type, "hosting") == 0)
		r->hosting = "user_type hosting";
}

// ISP and ASN databases have their fields at the top, Enterprise in "traits".
static void
take_fields(MMDB_entry_s *e, struct org_record *r)
{
	take_text(e, PATH("organization"), r->organization, sizeof(r->organization));
	take_text(e, PATH("traits", "organization"), r->organization, sizeof(r->organization));
	take_text(e, PATH("isp"), r->isp, sizeof(r->isp));
	take_text(e, PATH("traits", "isp"), r->isp, sizeof(r->isp));
	take_as(e, r);
	take_hosting(e, r);
	take_text(e, PATH("country", "iso_code"), r->country, sizeof(r->country));
	take_text(e, PATH("registered_country", "iso_code"), r->country, sizeof(r->country));
	take_text(e, PATH("country_code"), r->country, sizeof(r->country));
}

void
org_mmdb_find(const struct org_mmdb *m, const struct ip_addr *a, struct org_record *r)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_in in4 = {.sin_family = AF_INET};
	const struct sockaddr *sa = (const struct sockaddr *)&in6;
	MMDB_lookup_result_s found;
	int err = MMDB_SUCCESS;

	memcpy(&in6.sin6_addr, a->bytes, 16);
	memcpy(&in4.sin_addr, a->bytes + 12, 4);
	if (ip_is_v4(a))
		sa = (const struct sockaddr *)&in4;
	else if (m->db.metadata.ip_version == 4)
		return;
	found = MMDB_lookup_sockaddr(&m->db, sa, &err);
	if (err == MMDB_SUCCESS && found.found_entry) // a broken record is one that is not there
		take_fields(&found.entry, r);
}
