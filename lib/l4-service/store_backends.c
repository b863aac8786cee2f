#include "l4-service/store_backend.h"

const struct store_backend store_backends[] = {
	{"sqlite", &store_sqlite_reading, &store_sqlite_writing},
	{"dynamodb", &store_dynamodb_reading, &store_dynamodb_writing},
	{NULL, NULL, NULL},
};
