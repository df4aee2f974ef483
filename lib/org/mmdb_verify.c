#include "org/mmdb_verify.h"

#include <maxminddb.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SEPARATOR 16 // zero bytes between tree and records

struct walk {
	const MMDB_s *db;
	uint8_t *seen; // one bit for each byte of the records: one that begins there is whole
};

static bool
is_whole(MMDB_entry_s *entry)
{
	MMDB_entry_data_list_s *list = NULL;
	int status = MMDB_get_entry_data_list(entry, &list);
	bool whole = status == MMDB_SUCCESS && list != NULL && list->entry_data.type == MMDB_DATA_TYPE_MAP;

	MMDB_free_entry_data_list(list);
	return whole;
}

static const char *
check_data(struct walk *w, uint64_t record, MMDB_entry_s *entry)
{
	uint32_t at = entry->offset;

	if (record < (uint64_t)w->db->metadata.node_count + SEPARATOR || at >= w->db->data_section_size)
		return "a node points between tree and records";
	if (w->seen[at / 8] & 1u << at % 8)
		return NULL;
	w->seen[at / 8] |= (uint8_t)(1u << at % 8);
	return is_whole(entry) ? NULL : "a record is broken";
}

static const char *
check_record(struct walk *w, uint8_t type, uint64_t record, MMDB_entry_s *entry)
{
	switch (type) {
	case MMDB_RECORD_TYPE_SEARCH_NODE:
	case MMDB_RECORD_TYPE_EMPTY:
		return NULL;
	case MMDB_RECORD_TYPE_DATA:
		return check_data(w, record, entry);
	default:
		return "a node points behind the end";
	}
}

static const char *
check_nodes(struct walk *w)
{
	const char *wrong = NULL;
	MMDB_search_node_s node;

	for (uint32_t i = 0; wrong == NULL && i < w->db->metadata.node_count; i++) {
		if (MMDB_read_node(w->db, i, &node) != MMDB_SUCCESS)
			return "its tree is cut";
		wrong = check_record(w, node.left_record_type, node.left_record, &node.left_record_entry);
		if (wrong == NULL)
			wrong = check_record(w, node.right_record_type, node.right_record, &node.right_record_entry);
	}
	return wrong;
}

const char *
mmdb_verify(const struct MMDB_s *db)
{
	static const uint8_t zeros[SEPARATOR];
	struct walk w = {.db = db};
	const char *wrong;

	if (db->metadata.ip_version != 4 && db->metadata.ip_version != 6)
		return "its addresses are neither IPv4 nor IPv6";
	if (db->metadata.node_count == 0 || memcmp(db->data_section - SEPARATOR, zeros, SEPARATOR) != 0)
		return "its tree has another size than it says";
	if ((w.seen = calloc(db->data_section_size / 8 + 1, 1)) == NULL)
		return "it does not fit in memory";
	wrong = check_nodes(&w);
	free(w.seen);
	return wrong;
}
