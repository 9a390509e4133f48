// A system as Python holds it: where it comes from, and what was set from outside. Other settings
// mean that it is read again with them, so that there is one mechanism and one set of messages.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "cotangent/apps/prepared.h"
#include "cotangent/mechanics/state_arrays.h"
#include "python/src/numpy_views.h"

namespace cotangent::python {

using Overrides = std::vector<formats::Override>;

/// Where a system comes from: a file, a text, a program. None has to say how long its steps are.
class Origin {
 public:
  virtual ~Origin() = default;
  /// With these settings; `of` as in formats::load_system_file.
  virtual formats::LoadedFile load(const Overrides& overrides, const std::string& of) const = 0;
};

/// Made elsewhere: formats::settle gives it its settings.
class GivenOrigin final : public Origin {
 public:
  GivenOrigin(mechanics::System system, mechanics::InitialState initial)
      : system_(std::move(system)), initial_(std::move(initial)) {}
  formats::LoadedFile load(const Overrides& overrides, const std::string& of) const override {
    return formats::settle(system_, initial_, overrides, of, formats::Times::kOpen);
  }

 private:
  mechanics::System system_;
  mechanics::InitialState initial_;
};

/// Immutable; shared by what is made of it.
class SystemBox {
 public:
  SystemBox(std::shared_ptr<const Origin> origin, Overrides overrides)
      : origin_(std::move(origin)),
        overrides_(std::move(overrides)),
        file_(origin_->load(overrides_, "")) {}

  const formats::LoadedFile& file() const { return file_; }
  formats::LoadedFile load_with(const std::string& of) const {
    return of.empty() ? file_ : origin_->load(overrides_, of);
  }
  std::shared_ptr<const SystemBox> with(const Overrides& more) const {
    Overrides all = overrides_;
    all.insert(all.end(), more.begin(), more.end());
    return std::make_shared<SystemBox>(origin_, std::move(all));
  }
  const mechanics::Facts& facts() const {
    const std::lock_guard lock(mutex_);
    if (!facts_) facts_ = mechanics::find_facts(file_.system, file_.initial);
    return *facts_;
  }

 private:
  std::shared_ptr<const Origin> origin_;
  Overrides overrides_;
  formats::LoadedFile file_;
  mutable std::mutex mutex_;
  mutable std::optional<mechanics::Facts> facts_;
};

using Initial = std::map<std::string, Given>;

/// Names of what a run starts from: q, p, or the arrays of the state.
std::vector<std::string> state_names(const mechanics::System& system);

/// `base` with other values of some of its parts: "q", "p" or "v", or the names of arrays.
/// UserError for a name or a shape that the system does not have.
mechanics::InitialState starting_from(const mechanics::System& system,
                                      const mechanics::InitialState& base, const Initial& given);

}  // namespace cotangent::python
