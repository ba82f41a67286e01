// Functions are re-entrant: threads work on one frame, with filters of their own, while another selects instruction
// sets. Meant for the thread sanitizer; elsewhere it checks that all threads get the same bits.
#include <thread>

#include "frame.h"

int main() {
  check::Random random(31);
  const check::Frame frame(&random, MIEN_FORMAT_NV12, 64, 48);
  const double affine[6] = {1.1, 0.1, 3, -0.1, 1.1, 2};
  mien_tensor request = check::plain_tensor(40, 40, MIEN_F32);
  const check::Output reference(&request);
  CHECK(mien_image_to_tensor(&frame.image, affine, &request) == MIEN_OK);
  int bad[3] = {};
  std::vector<std::thread> threads;
  for (int &failures : bad) {
    threads.emplace_back([&frame, &affine, &reference, request, &failures] {
      const std::vector<float> ones(64, 1.0f);
      mien_one_euro *filter = nullptr;
      failures += mien_one_euro_create(64, ones.data(), ones.data(), 1, &filter) != MIEN_OK ? 1 : 0;
      std::vector<float> out(64);
      for (int i = 0; i < 200; ++i) {
        mien_tensor tensor = request;
        const check::Output output(&tensor);
        failures += mien_image_to_tensor(&frame.image, affine, &tensor) == MIEN_OK && output == reference ? 0 : 1;
        failures += mien_one_euro_apply(filter, i, 1, ones.data(), nullptr, out.data()) != MIEN_OK ? 1 : 0;
      }
      mien_one_euro_destroy(filter);
    });
  }
  threads.emplace_back([] {
    const std::vector<mien_simd> levels = check::levels();
    for (size_t i = 0; i < 2000; ++i) mien_simd_select(levels[i % levels.size()]);
  });
  for (std::thread &thread : threads) thread.join();
  for (const int failures : bad) CHECK(failures == 0);
  CHECK(mien_simd_select(static_cast<mien_simd>(9)) == MIEN_E_ARGUMENT);
  return check::finish();
}
