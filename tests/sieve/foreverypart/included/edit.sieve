require "editheader";
deleteheader "X-Part";
addheader "X-Edited" "yes";
deleteheader :index 3 "Content-Type";
