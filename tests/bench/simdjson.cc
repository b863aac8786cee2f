// simdjson: the same sums as window-agg's, by a loop over simdjson's on-demand parser and a hash table:
// how fast a program of one purpose can be. Reads sales on stdin, writes a line for each customer,
// product and minute; amounts have two decimals, times come in order, and anything else is an error.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <simdjson.h>

using namespace simdjson;

struct group {
	int64_t customer, count, cents;
	char product[24];
	uint32_t product_len, used;
};

static std::vector<group> table(1 << 18);
static std::vector<uint32_t> used;
static char minute[16];
static std::string out;

[[noreturn]] static void fail(const char *what)
{
	std::fprintf(stderr, "simdjson: %s\n", what);
	std::exit(1);
}

static void write_out()
{
	for (size_t done = 0; done < out.size();) {
		ssize_t n = write(1, out.data() + done, out.size() - done);
		if (n < 0)
			fail("cannot write");
		done += size_t(n);
	}
	out.clear();
}

static void put_number(int64_t n, int least_digits)
{
	char digits[24], *p = digits + sizeof digits;
	for (; n != 0 || least_digits > 0; n /= 10, least_digits--)
		*--p = char('0' + n % 10);
	out.append(p, size_t(digits + sizeof digits - p));
}

static void close_minute()
{
	for (uint32_t i : used) {
		group &g = table[i];
		out += "{\"cliente_id\":";
		put_number(g.customer, 1);
		out += ",\"producto\":\"";
		out.append(g.product, g.product_len);
		out += "\",\"num_transacciones\":";
		put_number(g.count, 1);
		out += ",\"monto_total\":";
		put_number(g.cents / 100, 1);
		out += '.';
		put_number(g.cents % 100, 2);
		out += ",\"fecha_hora\":\"";
		out.append(minute, sizeof minute);
		out += ":00\"}\n";
		g.used = 0;
		if (out.size() > 65536)
			write_out();
	}
	used.clear();
}

static void add(int64_t customer, std::string_view product, int64_t cents)
{
	uint64_t hash = uint64_t(customer) * 0x9e3779b97f4a7c15u;
	if (product.size() > sizeof group::product || used.size() > table.size() / 2)
		fail("a product's name is too long, or there are too many groups");
	for (unsigned char c : product)
		hash = (hash ^ c) * 0x100000001b3u;
	hash ^= hash >> 32;
	for (uint32_t i = uint32_t(hash) & uint32_t(table.size() - 1);; i = (i + 1) & uint32_t(table.size() - 1)) {
		group &g = table[i];
		if (!g.used) {
			g = {customer, 0, 0, {}, uint32_t(product.size()), 1};
			std::memcpy(g.product, product.data(), product.size());
			used.push_back(i);
		} else if (g.customer != customer || g.product_len != product.size() ||
			   std::memcmp(g.product, product.data(), product.size()) != 0) {
			continue;
		}
		g.count++;
		g.cents += cents;
		return;
	}
}

static int64_t cents_of(std::string_view text)
{
	int64_t n = 0;
	size_t point = text.find('.');
	while (!text.empty() && (text.back() == ' ' || text.back() == '\n'))
		text.remove_suffix(1);
	if (point == std::string_view::npos || text.size() != point + 3)
		fail("an amount without two decimals");
	for (char c : text)
		if (c != '.')
			n = 10 * n + (c - '0');
	return n;
}

int main()
{
	const size_t block = 1 << 20;
	std::vector<char> buffer(2 * block + SIMDJSON_PADDING);
	size_t held = 0;
	ondemand::parser parser;
	(void)fcntl(0, F_SETPIPE_SZ, int(block));
	for (;;) {
		ssize_t n = read(0, buffer.data() + held, 2 * block - held);
		if (n < 0)
			fail("cannot read");
		held += size_t(n);
		const void *newline = memrchr(buffer.data(), '\n', held);
		size_t whole = newline ? size_t(static_cast<const char *>(newline) - buffer.data()) + 1 : 0;
		if (whole > 0) {
			ondemand::document_stream lines;
			if (parser.iterate_many(buffer.data(), whole, whole).get(lines))
				fail("cannot parse");
			for (auto line : lines) {
				int64_t customer = line["cliente_id"].get_int64();
				std::string_view product = line["producto"].get_string();
				int64_t cents = cents_of(line["monto"].raw_json_token());
				std::string_view when = line["fecha"].get_string();
				if (when.size() != 19)
					fail("not a time");
				if (std::memcmp(when.data(), minute, sizeof minute) != 0) {
					close_minute();
					std::memcpy(minute, when.data(), sizeof minute);
				}
				add(customer, product, cents);
			}
		}
		held -= whole;
		std::memmove(buffer.data(), buffer.data() + whole, held);
		if (n == 0)
			break;
	}
	close_minute();
	write_out();
	return held == 0 ? 0 : 1;
}
