#include "metadata.hpp"

#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

namespace card {
namespace {

// One opening tag with its attributes. Enough of XML for what the xclbin writer emits: no CDATA,
// no '>' inside attributes (it is escaped).
struct Tag {
  std::string name;
  std::map<std::string, std::string> attributes;

  std::string text(const char *key) const {
    const auto found = attributes.find(key);
    return found == attributes.end() ? std::string() : found->second;
  }
  uint64_t number(const char *key) const {
    const std::string value = text(key);
    size_t used = 0;
    uint64_t result = 0;
    try {
      result = std::stoull(value, &used, 0);
    } catch (const std::exception &) {
      used = 0;
    }
    if (value.empty() || used != value.size())
      throw std::runtime_error("<" + name + "> needs a number in '" + key + "', not '" + value + "'");
    return result;
  }
};

std::string unescape(const std::string &text) {
  static const std::pair<const char *, char> kEntities[] = {
      {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}};
  std::string plain;
  for (size_t at = 0; at < text.size();) {
    bool known = false;
    for (const auto &[entity, character] : kEntities) {
      const size_t length = std::char_traits<char>::length(entity);
      if (text.compare(at, length, entity) != 0) continue;
      plain += character;
      at += length;
      known = true;
      break;
    }
    if (!known) plain += text[at++];
  }
  return plain;
}

Tag parse_tag(const std::string &text) {
  constexpr const char *kSpace = " \t\r\n";
  Tag tag;
  size_t at = text.find_first_of(kSpace);
  tag.name = text.substr(0, at);
  while (at != std::string::npos && (at = text.find_first_not_of(kSpace, at)) != std::string::npos) {
    const size_t equals = text.find('=', at);
    if (equals == std::string::npos || equals + 1 >= text.size()) break;
    const char quote = text[equals + 1];
    const size_t close = text.find(quote, equals + 2);
    if ((quote != '"' && quote != '\'') || close == std::string::npos)
      throw std::runtime_error("<" + tag.name + "> has an attribute without quotes");
    tag.attributes[text.substr(at, equals - at)] =
        unescape(text.substr(equals + 2, close - equals - 2));
    at = close + 1;
  }
  if (!tag.name.empty() && tag.name.back() == '/') tag.name.pop_back();
  return tag;
}

std::vector<Tag> opening_tags(const std::string &xml) {
  std::vector<Tag> tags;
  for (size_t at = 0; (at = xml.find('<', at)) != std::string::npos;) {
    const size_t end = xml.find('>', at);
    if (end == std::string::npos) throw std::runtime_error("a tag does not end");
    if (xml[at + 1] != '/' && xml[at + 1] != '?' && xml[at + 1] != '!')
      tags.push_back(parse_tag(xml.substr(at + 1, end - at - 1)));
    at = end + 1;
  }
  return tags;
}

Argument read_argument(const Tag &tag) {
  const uint64_t qualifier = tag.number("addressQualifier");
  return {tag.text("name"), tag.text("type"), uint32_t(tag.number("offset")),
          uint32_t(tag.number("hostSize")), qualifier == 1, qualifier == 4};
}

}  // namespace

std::vector<Kernel> read_metadata(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::stringstream content;
  content << file.rdbuf();

  std::vector<Kernel> kernels;
  size_t units = 0;
  for (const Tag &tag : opening_tags(content.str())) {
    if (tag.name == "kernel") {
      kernels.push_back({tag.text("name"), {}, {}, tag.text("hwControlProtocol") == "ap_ctrl_none"});
    } else if (kernels.empty()) {
      continue;
    } else if (tag.name == "arg") {
      kernels.back().arguments.push_back(read_argument(tag));
    } else if (tag.name == "instance") {
      kernels.back().instances.push_back({tag.text("name"), 0, 0, {}, {}});
      ++units;
    } else if (kernels.back().instances.empty()) {
      continue;
    } else if (tag.name == "addrRemap") {
      Instance &instance = kernels.back().instances.back();
      instance.base = tag.number("base");
      instance.range = tag.number("range");
    } else if (tag.name == "stream") {
      kernels.back().instances.back().channels[tag.text("argument")] = tag.number("channel");
    } else if (tag.name == "wire") {
      kernels.back().instances.back().wires.push_back(
          {tag.text("argument"), tag.text("bank"), tag.number("base"), tag.number("size")});
    }
  }
  if (units == 0) throw std::runtime_error("the metadata describe no compute unit");
  return kernels;
}

}  // namespace card
