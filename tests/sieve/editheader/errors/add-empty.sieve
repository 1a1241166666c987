require ["editheader", "index"];
addheader "" "b";
