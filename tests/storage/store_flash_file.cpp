// Stores an image as the current one in a flash file, for readers that are not ours. usage:
// store_flash_file FLASH IMAGE

#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

#include "device/core/flash/w25q.hpp"
#include "device/core/store/store.hpp"
#include "sim/flash/sim_w25q.hpp"

namespace {

int store_image(const char* flash_path, const char* image_path) {
  std::ifstream file(image_path, std::ios::binary);
  const std::vector<char> content{std::istreambuf_iterator<char>(file), {}};
  const ota::Bytes image = std::as_bytes(std::span(content));
  std::remove(flash_path);
  auto cells = ota::sim::FlashCells::open(flash_path);
  if (!cells) {
    std::fprintf(stderr, "%s\n", cells.error().c_str());
    return 1;
  }
  ota::sim::SimW25q part(std::move(cells).value());
  ota::flash::W25q driver(part);
  ota::store::Store store(driver);
  ota::store::ImageIdentity identity;
  identity.version = 1;
  identity.size_bytes = static_cast<std::uint32_t>(image.size());
  identity.sha256 = ota::sha256(image);
  const bool stored = store.mount() && store.open_candidate(identity) && store.append(image) &&
                      store.promote() && store.write_journal({});
  if (!stored) std::fputs("the store refused the image\n", stderr);
  return stored ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: store_flash_file FLASH IMAGE\n", stderr);
    return 2;
  }
  return store_image(argv[1], argv[2]);
}
