// Typed values from a fuzzer's bytes; zeros when they run out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

class Input {
 public:
  Input(const uint8_t *data, size_t size) : data_(data), left_(size) {}

  template <class T>
  T take() {
    T value{};
    const size_t count = left_ < sizeof value ? left_ : sizeof value;
    if (count > 0) std::memcpy(&value, data_, count);
    data_ += count;
    left_ -= count;
    return value;
  }
  int32_t integer(int32_t low, int32_t high) {
    return low + static_cast<int32_t>(take<uint16_t>() % static_cast<uint32_t>(high - low + 1));
  }

 private:
  const uint8_t *data_;
  size_t left_;
};
