// Files are untrusted: any bytes must be refused or read without a fault. The first byte chooses what they are: a whole
// bundle, or the text of a manifest, to which a mutated archive with its checksums would seldom get.
#include <string>
#include <string_view>

#include "bundle/json.h"
#include "bundle/manifest.h"
#include "refusal.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  try {
    if (data[0] % 2 == 0) {
      const mien::bundle::Bundle bundle("fuzz", std::vector<uint8_t>(data + 1, data + size));
    } else {
      const mien::bundle::Json json = mien::bundle::parse_json({reinterpret_cast<const char *>(data + 1), size - 1});
      const mien::bundle::Section section(json, "manifest");
      section.text("name", "");
      section.done();
    }
  } catch (const mien::Refusal &) {  // what else is thrown is a fault
  }
  return 0;
}
