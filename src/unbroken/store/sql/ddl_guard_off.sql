drop event trigger if exists unbroken_refuse_ddl;
drop event trigger if exists unbroken_refuse_drop;
