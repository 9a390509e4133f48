// The parts of the report page that do not depend on the run; one file each.
#pragma once

namespace cotangent::io {

extern const char* const kReportStyle;  ///< CSS
extern const char* const kReportBody;   ///< the page's elements
extern const char* const kReportChart;  ///< curves against time
extern const char* const kReportView;   ///< the trajectory in 3D
extern const char* const kReportMap;    ///< a chain's coordinates as a map of site and time
extern const char* const kReportPage;   ///< fills the page

}  // namespace cotangent::io
