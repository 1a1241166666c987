require ["include", "variables"];
global "order";
set "order" "${order}1";
include :once "once-self";
