require ["include", "variables"];
global "order";
set "order" "${order}r";
if true {
	return;
}
set "order" "${order}x";
