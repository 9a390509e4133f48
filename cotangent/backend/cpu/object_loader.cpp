#include "cotangent/backend/cpu/object_loader.h"

#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <vector>

namespace cotangent::backend::cpu {
namespace {

constexpr std::size_t kStubBytes = 16;
/// Free bytes before the first function: what checks types of called functions (the function
/// sanitizer) reads those just before one.
constexpr std::size_t kBeforeCode = 64;
constexpr std::size_t kMostBytes = std::size_t{1} << 30;  // so that 32-bit distances reach

/// Why an object is not loaded; does not leave this file.
struct Refusal {
  std::string why;
};

void want(bool condition, const char* otherwise) {
  if (!condition) throw Refusal{otherwise};
}

std::size_t rounded_up(std::size_t n, std::size_t to) {
  return (n + to - 1) / to * to;
}

/// The object's tables, copied out: they need not be aligned.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> object) : object_(object) {
    const auto head = at<Elf64_Ehdr>(0);
    want(std::memcmp(head.e_ident, ELFMAG, SELFMAG) == 0, "not an ELF object");
    want(head.e_ident[EI_CLASS] == ELFCLASS64 && head.e_ident[EI_DATA] == ELFDATA2LSB &&
             head.e_type == ET_REL,
         "not a 64-bit little-endian relocatable object");
    want(head.e_machine == EM_X86_64, "an object of another processor");
    want(head.e_shentsize == sizeof(Elf64_Shdr), "section table");
    sections = table<Elf64_Shdr>(head.e_shoff, head.e_shnum);
  }

  template <class T>
  T at(std::uint64_t offset) const {
    T value;
    std::memcpy(&value, bytes(offset, sizeof value).data(), sizeof value);
    return value;
  }
  template <class T>
  std::vector<T> table(std::uint64_t offset, std::uint64_t count) const {
    want(count <= object_.size() / sizeof(T), "a table larger than the object");
    std::vector<T> entries(count);
    const auto from = bytes(offset, count * sizeof(T));
    if (count > 0) std::memcpy(entries.data(), from.data(), from.size());
    return entries;
  }
  std::span<const std::byte> bytes(std::uint64_t offset, std::uint64_t size) const {
    want(offset <= object_.size() && size <= object_.size() - offset, "a range outside the object");
    return object_.subspan(offset, size);
  }
  std::string text(const Elf64_Shdr& strings, std::uint64_t offset) const {
    const auto all = bytes(strings.sh_offset, strings.sh_size);
    want(offset < all.size(), "a name outside its table");
    const auto* from = reinterpret_cast<const char*>(all.data()) + offset;
    return {from, ::strnlen(from, all.size() - offset)};
  }
  const Elf64_Shdr& section(std::uint64_t index) const {
    want(index < sections.size(), "a section that is not there");
    return sections[index];
  }

  std::vector<Elf64_Shdr> sections;

 private:
  std::span<const std::byte> object_;
};

/// Pages of memory.
class Mapping {
 public:
  explicit Mapping(std::size_t bytes) : bytes_(bytes) {
    void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) throw Refusal{"no memory for code: " + std::string(strerror(errno))};
    at_ = static_cast<std::byte*>(at);
  }
  ~Mapping() { ::munmap(at_, bytes_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  std::byte* at(std::size_t offset) const { return at_ + offset; }
  void allow(std::size_t offset, std::size_t bytes, int what) {
    if (::mprotect(at(offset), bytes, what) == 0) return;
    throw Refusal{"memory cannot be made executable: " + std::string(strerror(errno))};
  }

 private:
  std::byte* at_;
  std::size_t bytes_;
};

using Functions = std::map<std::string, const void*, std::less<>>;

class Object final : public LoadedObject {
 public:
  Object(std::unique_ptr<const Mapping> memory, Functions functions)
      : memory_(std::move(memory)), functions_(std::move(functions)) {}

  const void* find(std::string_view name) const override {
    const auto found = functions_.find(name);
    return found == functions_.end() ? nullptr : found->second;
  }

 private:
  std::unique_ptr<const Mapping> memory_;
  Functions functions_;
};

class Loading {
 public:
  explicit Loading(std::span<const std::byte> object) : reader_(object) {}

  std::unique_ptr<LoadedObject> run(const LoadedObject::Outside& outside) {
    read_symbols();
    lay_out();
    fill();
    resolve(outside);
    relocate();
    memory_->allow(0, code_bytes_, PROT_READ | PROT_EXEC);
    memory_->allow(code_bytes_, size_ - code_bytes_, PROT_READ);
    return std::make_unique<Object>(std::move(memory_), std::move(functions_));
  }

 private:
  static bool is_code(const Elf64_Shdr& s) { return (s.sh_flags & SHF_EXECINSTR) != 0; }

  /// Unwinding tables, debug information and notes stay out.
  static bool is_loaded(const Elf64_Shdr& s) {
    return (s.sh_flags & SHF_ALLOC) != 0 && s.sh_type == SHT_PROGBITS && s.sh_size > 0;
  }

  bool is_unwinding(const Elf64_Shdr& s) const {
    const auto head = reader_.at<Elf64_Ehdr>(0);
    return s.sh_type == SHT_X86_64_UNWIND ||
           reader_.text(reader_.section(head.e_shstrndx), s.sh_name) == ".eh_frame";
  }

  void read_symbols() {
    for (const Elf64_Shdr& s : reader_.sections) {
      if (s.sh_type != SHT_SYMTAB) continue;
      want(symbols_.empty() && s.sh_entsize == sizeof(Elf64_Sym), "symbol table");
      symbols_ = reader_.table<Elf64_Sym>(s.sh_offset, s.sh_size / sizeof(Elf64_Sym));
      names_ = reader_.section(s.sh_link);
    }
  }

  /// Code and stubs, then on pages of their own the constants and addresses of what is outside.
  void lay_out() {
    offset_.assign(reader_.sections.size(), kNowhere);
    std::size_t end = kBeforeCode;
    const auto place = [&](bool code) {
      for (std::size_t k = 0; k < reader_.sections.size(); ++k) {
        const Elf64_Shdr& s = reader_.sections[k];
        if ((s.sh_flags & SHF_ALLOC) != 0) {
          want((s.sh_flags & (SHF_WRITE | SHF_TLS)) == 0 || s.sh_size == 0, "writable memory");
          want(s.sh_type != SHT_NOBITS || s.sh_size == 0, "zeroed memory");
        }
        if (!is_loaded(s) || is_code(s) != code || is_unwinding(s)) continue;
        const std::size_t align = s.sh_addralign == 0 ? 1 : s.sh_addralign;
        want((align & (align - 1)) == 0 && align <= page_, "alignment");
        want(s.sh_size <= kMostBytes, "an object of more than a gigabyte");
        end = rounded_up(end, align);
        offset_[k] = end;
        end += s.sh_size;
        want(end <= kMostBytes, "an object of more than a gigabyte");
      }
    };
    place(true);
    stubs_ = end = rounded_up(end, kStubBytes);
    end += symbols_.size() * kStubBytes;
    code_bytes_ = end = rounded_up(end, page_);
    place(false);
    slots_ = end = rounded_up(end, sizeof(std::uint64_t));
    end += symbols_.size() * sizeof(std::uint64_t);
    size_ = rounded_up(end + 1, page_);
    want(size_ <= kMostBytes, "an object of more than a gigabyte");
    memory_ = std::make_unique<Mapping>(size_);
  }

  void fill() {
    for (std::size_t k = 0; k < offset_.size(); ++k) {
      if (offset_[k] == kNowhere) continue;
      const auto from = reader_.bytes(reader_.sections[k].sh_offset, reader_.sections[k].sh_size);
      std::memcpy(memory_->at(offset_[k]), from.data(), from.size());
    }
  }

  /// Addresses of all symbols; functions of other modules also get a stub that reaches any address.
  void resolve(const LoadedObject::Outside& outside) {
    address_.assign(symbols_.size(), 0);
    for (std::size_t k = 1; k < symbols_.size(); ++k) {
      const Elf64_Sym& s = symbols_[k];
      if (s.st_shndx == SHN_UNDEF) {
        const std::string name = reader_.text(names_, s.st_name);
        if (name.empty() || name == "_GLOBAL_OFFSET_TABLE_") continue;
        address_[k] = number_of(outside(name));
        if (!address_[k]) throw Refusal{"nobody defines '" + name + "'"};
        const std::byte jump[6] = {std::byte{0xff}, std::byte{0x25}};  // jmp *0(%rip)
        std::byte* stub = memory_->at(stubs_ + k * kStubBytes);
        std::memcpy(stub, jump, sizeof jump);
        std::memcpy(stub + sizeof jump, &address_[k], sizeof address_[k]);
      } else if (s.st_shndx < offset_.size() && offset_[s.st_shndx] != kNowhere) {
        const Elf64_Shdr& section = reader_.sections[s.st_shndx];
        want(s.st_value <= section.sh_size, "a symbol outside its section");
        const std::byte* at = memory_->at(offset_[s.st_shndx] + s.st_value);
        address_[k] = number_of(at);
        if (ELF64_ST_BIND(s.st_info) == STB_GLOBAL && ELF64_ST_TYPE(s.st_info) == STT_FUNC) {
          functions_[reader_.text(names_, s.st_name)] = at;
        }
      }
    }
  }

  void relocate() {
    for (const Elf64_Shdr& s : reader_.sections) {
      if (s.sh_type == SHT_REL) throw Refusal{"relocations without addends"};
      if (s.sh_type != SHT_RELA) continue;
      want(s.sh_info < offset_.size(), "relocations of no section");
      if (offset_[s.sh_info] == kNowhere) continue;
      want(s.sh_entsize == sizeof(Elf64_Rela), "relocation table");
      const Elf64_Shdr& target = reader_.sections[s.sh_info];
      for (const Elf64_Rela& r :
           reader_.table<Elf64_Rela>(s.sh_offset, s.sh_size / sizeof(Elf64_Rela))) {
        want(r.r_offset <= target.sh_size, "a relocation outside its section");
        apply(r, memory_->at(offset_[s.sh_info] + r.r_offset), target.sh_size - r.r_offset);
      }
    }
  }

  void apply(const Elf64_Rela& r, std::byte* place, std::uint64_t room) {
    const std::uint64_t symbol = ELF64_R_SYM(r.r_info);
    want(symbol < symbols_.size() && address_[symbol], "a relocation to a symbol nobody has");
    const bool is_outside = symbols_[symbol].st_shndx == SHN_UNDEF;
    std::uint64_t value = address_[symbol];
    bool by_distance = true;
    std::size_t width = 4;
    switch (ELF64_R_TYPE(r.r_info)) {
      case R_X86_64_64:
        by_distance = false;
        width = 8;
        break;
      case R_X86_64_PC64: width = 8; break;
      case R_X86_64_PC32: want(!is_outside, "data of another module, by distance"); break;
      case R_X86_64_PLT32:
        if (is_outside) value = number_of(memory_->at(stubs_ + symbol * kStubBytes));
        break;
      case R_X86_64_GOTPCREL:
      case R_X86_64_GOTPCRELX:
      case R_X86_64_REX_GOTPCRELX: {
        std::byte* slot = memory_->at(slots_ + symbol * sizeof value);
        std::memcpy(slot, &value, sizeof value);
        value = number_of(slot);
        break;
      }
      default: throw Refusal{"relocation type " + std::to_string(ELF64_R_TYPE(r.r_info))};
    }
    want(width <= room, "a relocation outside its section");
    value += static_cast<std::uint64_t>(r.r_addend);
    if (by_distance) value -= number_of(place);
    const auto distance = static_cast<std::int64_t>(value);
    want(width == 8 || distance == static_cast<std::int32_t>(distance), "a distance over 32 bits");
    std::memcpy(place, &value, width);
  }

  static std::uint64_t number_of(const void* at) { return reinterpret_cast<std::uint64_t>(at); }

  static constexpr std::size_t kNowhere = SIZE_MAX;
  const std::size_t page_ = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  Reader reader_;
  std::vector<Elf64_Sym> symbols_;
  Elf64_Shdr names_{};
  std::vector<std::size_t> offset_;  ///< by section: where it lies in memory_
  std::unique_ptr<Mapping> memory_;
  std::size_t size_ = 0, code_bytes_ = 0, stubs_ = 0, slots_ = 0;
  std::vector<std::uint64_t> address_;  ///< by symbol; 0: nobody has it
  Functions functions_;
};

}  // namespace

std::unique_ptr<LoadedObject> LoadedObject::load(std::span<const std::byte> object,
                                                 const Outside& outside, std::string& why_not) {
  try {
    return Loading(object).run(outside);
  } catch (const Refusal& refusal) {
    why_not = refusal.why;
    return nullptr;
  }
}

}  // namespace cotangent::backend::cpu
