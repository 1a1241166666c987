require ["special-use", "fileinto", "variables"];
fileinto :specialuse "\\Junk" "${never}";
