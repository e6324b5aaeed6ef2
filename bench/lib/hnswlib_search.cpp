/*
 * hnswlib_search.cpp -- hnswlib in a process of its own, for libraries.py.
 *
 *   hnswlib_search BASE QUERY M EF_CONSTRUCTION
 *
 * BASE, QUERY  float32 rows, after two int32: rows and dimensions
 *
 * Builds by all cores, prints "built SECONDS BYTES HOW", and then obeys the lines of its standard input:
 *
 *   search EF FILE       the 10 nearest rows of each query, int32, to FILE; prints "done"
 *   time EF SECONDS      queries one after another, at least that long; prints "QUERIES ELAPSED CPU"
 */
#include <hnswlib/hnswlib.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

static const size_t K = 10;

struct Rows
{
	int32_t count = 0, dim = 0;
	std::vector<float> values;

	explicit Rows(const char *path)
	{
		std::ifstream in(path, std::ios::binary);

		in.read(reinterpret_cast<char *>(&count), sizeof(count));
		in.read(reinterpret_cast<char *>(&dim), sizeof(dim));
		values.resize(size_t(count) * dim);
		in.read(reinterpret_cast<char *>(values.data()), std::streamsize(values.size() * sizeof(float)));
		if (!in)
		{
			std::fprintf(stderr, "hnswlib_search: %s cannot be read\n", path);
			std::exit(1);
		}
	}
	const float *row(size_t i) const { return values.data() + i * dim; }
};

static double
elapsed()
{
	return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

static double
cpu()
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return double(now.tv_sec) + double(now.tv_nsec) / 1e9;
}

static void
build(hnswlib::HierarchicalNSW<float> &index, const Rows &base)
{
	std::atomic<size_t> next{0};
	std::vector<std::thread> threads;

	for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); i++)
		threads.emplace_back([&] {
			for (size_t row = next++; row < size_t(base.count); row = next++)
				index.addPoint(base.row(row), row);
		});
	for (auto &thread : threads)
		thread.join();
}

static void
search(hnswlib::HierarchicalNSW<float> &index, const Rows &query, const std::string &path)
{
	std::vector<int32_t> ids(size_t(query.count) * K, -1);

	for (size_t i = 0; i < size_t(query.count); i++)
	{
		auto found = index.searchKnn(query.row(i), K);

		for (size_t j = found.size(); j-- > 0; found.pop())
			ids[i * K + j] = int32_t(found.top().second);
	}
	std::ofstream(path, std::ios::binary).write(reinterpret_cast<char *>(ids.data()), std::streamsize(ids.size() * sizeof(int32_t)));
	std::cout << "done" << std::endl;
}

static void
measure(hnswlib::HierarchicalNSW<float> &index, const Rows &query, double seconds)
{
	size_t done = 0;
	double start = elapsed(), start_cpu = cpu();

	while (elapsed() < start + seconds)
	{
		index.searchKnn(query.row(done % size_t(query.count)), K);
		done++;
	}
	std::cout << done << " " << elapsed() - start << " " << cpu() - start_cpu << std::endl;
}

int
main(int argc, char **argv)
{
	if (argc != 5)
		return 2;

	Rows base(argv[1]), query(argv[2]);
	hnswlib::L2Space space(size_t(base.dim));
	hnswlib::HierarchicalNSW<float> index(&space, size_t(base.count), std::stoul(argv[3]), std::stoul(argv[4]));
	double start = elapsed();

	build(index, base);
	std::cout << "built " << elapsed() - start << " " << index.indexFileSize() << " compiled for this machine" << std::endl;
	for (std::string line, what, where; std::getline(std::cin, line);)
	{
		std::istringstream words(line);
		size_t ef = 0;

		words >> what >> ef >> where;
		index.setEf(ef);
		if (what == "search")
			search(index, query, where);
		else
			measure(index, query, std::stod(where));
	}
	return 0;
}
