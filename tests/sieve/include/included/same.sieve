require ["include", "variables"];
global "order";
set "order" "${order}p";
