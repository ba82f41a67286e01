// The readers of a bundle: digests against published vectors, JSON against RFC 8259, zip against every single damage.
#include <cstring>
#include <functional>
#include <string>

#include "bundle/archive.h"
#include "bundle/digest.h"
#include "bundle/json.h"
#include "bundle/manifest.h"
#include "checker.h"
#include "refusal.h"

namespace {

using namespace mien::bundle;

mien_status status_of(const std::function<void()> &work) {
  try {
    work();
    return MIEN_OK;
  } catch (const mien::Refusal &refusal) {
    return refusal.status();
  }
}

const uint8_t *bytes(const std::string &text) {
  return reinterpret_cast<const uint8_t *>(text.data());
}

void digests() {
  const std::string abc = "abc", million(1000000, 'a'), check = "123456789";
  const std::string two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  CHECK(sha256(nullptr, 0) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256(bytes(abc), 3) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256(bytes(two), two.size()) == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256(bytes(million), million.size()) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  CHECK(crc32(bytes(check), check.size()) == 0xcbf43926u);
  CHECK(crc32(nullptr, 0) == 0);
}

bool is_json(const std::string &text) {
  return status_of([&] { parse_json(text); }) == MIEN_OK;
}

void json() {
  const Json value = parse_json(R"( {"a": [1, -2.5e3, true, null, "\u00e9\n\ud83d\ude00"], "b": {}} )");
  CHECK(value.find("a")->items[0].whole && value.find("a")->items[0].number == 1);
  CHECK(!value.find("a")->items[1].whole && value.find("a")->items[1].number == -2500);
  CHECK(value.find("a")->items[4].text == "\xc3\xa9\n\xf0\x9f\x98\x80");
  CHECK(value.find("b")->kind == Json::Kind::kObject && value.find("c") == nullptr);
  CHECK(parse_json("0.1").number == 0.1);
  for (const char *wrong : {"",
                            " ",
                            "{",
                            "[1,]",
                            "{\"a\":1,}",
                            "{\"a\" 1}",
                            "{a:1}",
                            "01",
                            "1.",
                            ".5",
                            "+1",
                            "1e",
                            "NaN",
                            "Infinity",
                            "1e999",
                            "tru",
                            "\"",
                            "\"\\x\"",
                            "\"\\u12\"",
                            "\"\\ud800\"",
                            "\"\\udc00\"",
                            "\"\n\"",
                            "[1] 2",
                            "// a\n1",
                            "'a'",
                            "{\"a\":1,\"a\":2}",
                            "\"\xff\"",
                            "\"\xc0\x80\"",
                            "\"\xed\xa0\x80\"",
                            "\"\xf5\x80\x80\x80\""}) {
    CHECK(!is_json(wrong));
  }
  CHECK(is_json(std::string(30, '[') + std::string(30, ']')));
  CHECK(!is_json(std::string(100000, '[')));
  std::string many = "[0";
  for (int i = 0; i < 100000; ++i) many += ",0";
  CHECK(!is_json(many + "]"));
}

void sections() {
  const Json value = parse_json(R"({"n": 1.5, "i": 3, "t": "x", "inner": {"used": 1, "unused": 2}, "bad": "a\u0007"})");
  const Section section(value, "manifest");
  CHECK(section.number("n", 0, 2) == 1.5 && section.integer("i", 0, 5) == 3 && section.text("t") == "x");
  for (const auto &wrong : std::vector<std::function<void()>>{
           [&] { section.number("n", 2, 3); }, [&] { section.integer("n", 0, 5); }, [&] { section.text("i"); },
           [&] { section.text("missing"); }, [&] { section.text("t", nullptr, {"y", "z"}); },
           [&] { section.text("bad"); }, [&] { section.section("t"); }}) {
    CHECK(status_of(wrong) == MIEN_E_MANIFEST);
  }
  const Section inner = section.section("inner");
  inner.integer("used", 0, 5);
  try {
    section.done();
    CHECK(false);
  } catch (const mien::Refusal &refusal) {
    CHECK(std::string(refusal.what()) == "manifest.inner.unused means nothing here");
  }
}

void put(std::string *out, uint32_t value, int count) {
  for (int i = 0; i < count; ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

// A zip of stored, aligned members, as Bundle.write makes it.
std::string zip(const std::vector<std::pair<std::string, std::string>> &members) {
  std::string file, directory;
  for (const auto &[name, data] : members) {
    const uint32_t offset = static_cast<uint32_t>(file.size()), size = static_cast<uint32_t>(data.size());
    const uint32_t padding = static_cast<uint32_t>((64 - (file.size() + 30 + name.size() + 4) % 64) % 64);
    std::string extra, common;
    put(&extra, 0xd935, 2), put(&extra, padding, 2), extra.append(padding, '\0');
    put(&common, 20, 2), put(&common, 0, 2), put(&common, 0, 2), put(&common, 0x00210000, 4);
    put(&common, crc32(bytes(data), data.size()), 4), put(&common, size, 4), put(&common, size, 4);
    put(&common, static_cast<uint32_t>(name.size()), 2), put(&common, static_cast<uint32_t>(extra.size()), 2);
    put(&file, 0x04034b50, 4), file += common + name + extra + data;
    put(&directory, 0x02014b50, 4), put(&directory, 20, 2), directory += common;
    put(&directory, 0, 2), put(&directory, 0, 2), put(&directory, 0, 2), put(&directory, 0644u << 16, 4);
    put(&directory, offset, 4), directory += name + extra;
  }
  const uint32_t at = static_cast<uint32_t>(file.size()), count = static_cast<uint32_t>(members.size());
  file += directory;
  put(&file, 0x06054b50, 4), put(&file, 0, 4), put(&file, count, 2), put(&file, count, 2);
  put(&file, static_cast<uint32_t>(directory.size()), 4), put(&file, at, 4), put(&file, 0, 2);
  return file;
}

mien_status read(const std::string &file) {
  return status_of([&] { read_archive("it", {bytes(file), file.size()}); });
}

void archives() {
  const std::string good = zip({{"manifest.json", "{}"}, {"onnx/a.onnx", std::string(1000, 'x')}});
  CHECK(read(good) == MIEN_OK);
  const auto members = read_archive("it", {bytes(good), good.size()});
  CHECK(members.size() == 2 && members.at("onnx/a.onnx").size == 1000);
  CHECK((members.at("onnx/a.onnx").data - bytes(good)) % 64 == 0);
  for (const char *name : {"../a", "/a", "a/../b", "a//b", "a/", "", ".a", "a\\b", "c:a", "MANIFEST.json"}) {
    CHECK(read(zip({{"manifest.json", "{}"}, {name, "x"}})) == MIEN_E_BUNDLE);
  }
  CHECK(read(zip({{"a", "x"}})) == MIEN_E_BUNDLE);
  CHECK(read(zip({})) == MIEN_E_BUNDLE);
  CHECK(read(good + "x") == MIEN_E_BUNDLE);
  for (size_t size = 0; size < good.size(); ++size) CHECK(read(good.substr(0, size)) == MIEN_E_BUNDLE);
  // Each bit of the members' data is under a checksum; of the headers some fields (times, versions) mean nothing.
  for (size_t at = 0; at < good.size(); ++at) {
    std::string damaged = good;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    const mien_status status = read(damaged);
    CHECK(status == MIEN_OK || status == MIEN_E_BUNDLE);
    const uint8_t *place = bytes(good) + at, *data = members.at("onnx/a.onnx").data;
    if (place >= data && place < data + 1000) CHECK(status == MIEN_E_BUNDLE);
  }
}

mien_status open_bundle(const std::string &manifest, const std::string &blob) {
  const std::string file = zip({{"manifest.json", manifest}, {"a.onnx", blob}});
  return status_of([&] { Bundle("it", std::vector<uint8_t>(file.begin(), file.end())); });
}

void bundles() {
  const std::string blob = "weights", digest = sha256(bytes(blob), blob.size());
  const auto manifest = [](const std::string &digests, const std::string &more) {
    return R"({"schema": 1, "name": "n", "task": "face", "licence": {"spdx": "MIT"}, "networks": {}, "blobs": {)" +
           digests + "}" + more + "}";
  };
  const std::string listed = "\"a.onnx\": \"" + digest + "\"";
  CHECK(open_bundle(manifest(listed, ""), blob) == MIEN_OK);
  CHECK(open_bundle(manifest(listed, ""), "Weights") == MIEN_E_BUNDLE);
  CHECK(open_bundle(manifest("", ""), blob) == MIEN_E_BUNDLE);
  CHECK(open_bundle(manifest(listed + ", \"b.onnx\": \"00\"", ""), blob) == MIEN_E_BUNDLE);
  CHECK(open_bundle("[]", blob) == MIEN_E_MANIFEST);
  CHECK(open_bundle("{", blob) == MIEN_E_MANIFEST);
  CHECK(status_of([] { Bundle("/nonexistent/face.mien"); }) == MIEN_E_FILE);
}

}  // namespace

int main() {
  digests();
  json();
  sections();
  archives();
  bundles();
  return check::finish();
}
