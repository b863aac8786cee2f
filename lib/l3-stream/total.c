#include "l3-stream/total.h"

int total_add(struct total *t, const struct metric *m, struct zone *z, struct err *err)
{
	struct timestamp at;

	if (timestamp_parse(z, m->fecha_hora, &at, err) < 0)
		return err_prefix(err, "fecha_hora");
	if (decimal_add(&t->monto_total, &m->monto_total, err) < 0)
		return err_prefix(err, "monto_total");
	if (__builtin_add_overflow(t->num_transacciones, m->num_transacciones,
				   &t->num_transacciones))
		return err_set(err, ERR_DATA, "num_transacciones: more than 64 bits");
	if (t->items++ > 0 &&
	    (at.utc < t->touched.utc || (at.utc == t->touched.utc && at.nanos <= t->touched.nanos)))
		return 0;
	t->touched = at;
	buf_clear(&t->fecha_hora);
	return buf_slice(&t->fecha_hora, m->fecha_hora) < 0 ? err_memory(err) : 0;
}

void total_clear(struct total *t)
{
	struct buf kept = t->fecha_hora;

	buf_clear(&kept);
	*t = (struct total){.fecha_hora = kept};
}

void total_free(struct total *t)
{
	buf_free(&t->fecha_hora);
	*t = (struct total){0};
}
