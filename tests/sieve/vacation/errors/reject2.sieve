require ["vacation", "reject"]; reject "two"; vacation "one";
