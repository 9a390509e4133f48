// A run as Python holds it: a result, and what is needed to say more about it.
#pragma once

#include "cotangent/apps/run_file.h"
#include "python/src/flow.h"

namespace cotangent::python {

class RunBox {
 public:
  /// `asked`: steps that were to be made; `initial`: where it started.
  RunBox(std::shared_ptr<const FlowBox> flow, mechanics::RunResult result, std::int64_t asked,
         mechanics::InitialState initial);
  /// One that was saved.
  explicit RunBox(apps::StoredRun stored);

  const mechanics::RunResult& result() const { return result_; }
  const std::string& title() const { return title_; }
  const std::string& method() const { return method_; }
  double dt() const { return dt_; }
  std::int64_t asked() const { return asked_; }
  const std::vector<apps::NamedArray>& final() const { return final_; }
  const std::vector<apps::NamedArray>& members() const { return members_; }

  /// What reports and answers want. Of a saved run it is worked out from the text of its system.
  /// UserError where the file has none.
  const apps::Prepared& prepared() const;
  /// What it has to say: why it stopped, what is missing.
  std::vector<std::string> notes() const;
  apps::Answer answer() const { return {prepared(), result_, {}}; }

 private:
  mechanics::RunResult result_;
  std::string title_, method_;
  double dt_ = 0;
  std::int64_t asked_ = 0;
  std::vector<apps::NamedArray> final_, members_;
  std::shared_ptr<const FlowBox> flow_;  ///< null: it was saved
  mechanics::InitialState initial_;
  std::string text_, no_text_why_, name_, folder_;  ///< of the system of a saved run
  std::vector<std::string> notes_;                  ///< of a saved run
  mutable std::mutex mutex_;
  mutable std::optional<apps::Prepared> prepared_;
};

}  // namespace cotangent::python
